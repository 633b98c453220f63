// Which kernel computes which kind of job.
import { Kind } from "../abi";
import {
  AttentionFields,
  AttentionPackFields,
  CodeMarginFields,
  CopyFields,
  ImplicitGemmFields,
  LookupFields,
  NearestCodeFields,
  NormApplyFields,
  NormFoldFields,
  NormStatisticsFields,
  PackCodebookFields,
  PackConvFields,
  PackTapsFields,
  SquaredErrorFields,
  SquaredErrorFoldFields,
  StraightThroughFields,
  TapSumsFields,
  WidenFields,
  WinogradLargeFields,
  WinogradSmallFields,
  WinogradSourcesFields,
  WinogradWeightsFields,
} from "./job_fields";
import { attention, attentionPack } from "./ops/attention";
import { codeMargin } from "./ops/code_margin";
import { copy } from "./ops/copy";
import { implicitGemm } from "./matmul/implicit_gemm";
import { normApply } from "./ops/norm_apply";
import { normFold, normStatistics } from "./ops/norm_statistics";
import { lookup } from "./ops/lookup";
import { nearestCode } from "./ops/nearest_code";
import { packCodebook, packConv, packTaps } from "./matmul/pack";
import { squaredError, squaredErrorFold } from "./ops/squared_error";
import { straightThrough } from "./ops/straight_through";
import { tapSums } from "./matmul/tap_sums";
import { widen } from "./matmul/widen";
import { winogradLarge, winogradSmall, winogradSources } from "./winograd/winograd";
import { winogradWeights } from "./winograd/weight_panel";

/** Computes one block of a job. */
export function compute(kind: Kind, fields: usize, block: i32, thread: i32): void {
  switch (kind) {
    case Kind.Widen:
      return widen(changetype<WidenFields>(fields), block);
    case Kind.PackConv:
      return packConv(changetype<PackConvFields>(fields), block);
    case Kind.PackTaps:
      return packTaps(changetype<PackTapsFields>(fields), block);
    case Kind.PackCodebook:
      return packCodebook(changetype<PackCodebookFields>(fields), block);
    case Kind.ImplicitGemm:
      return implicitGemm(changetype<ImplicitGemmFields>(fields), block, thread);
    case Kind.TapSums:
      return tapSums(changetype<TapSumsFields>(fields), block);
    case Kind.WinogradWeights:
      return winogradWeights(changetype<WinogradWeightsFields>(fields), block);
    case Kind.WinogradLarge:
      return winogradLarge(changetype<WinogradLargeFields>(fields), block, thread);
    case Kind.WinogradSources:
      return winogradSources(changetype<WinogradSourcesFields>(fields), block, thread);
    case Kind.WinogradSmall:
      return winogradSmall(changetype<WinogradSmallFields>(fields), block, thread);
    case Kind.NormStatistics:
      return normStatistics(changetype<NormStatisticsFields>(fields), block, thread);
    case Kind.NormFold:
      return normFold(changetype<NormFoldFields>(fields), block);
    case Kind.NormApply:
      return normApply(changetype<NormApplyFields>(fields), block);
    case Kind.AttentionPack:
      return attentionPack(changetype<AttentionPackFields>(fields), block);
    case Kind.Attention:
      return attention(changetype<AttentionFields>(fields), block, thread);
    case Kind.NearestCode:
      return nearestCode(changetype<NearestCodeFields>(fields), block);
    case Kind.Lookup:
      return lookup(changetype<LookupFields>(fields), block);
    case Kind.CodeMargin:
      return codeMargin(changetype<CodeMarginFields>(fields), block);
    case Kind.StraightThrough:
      return straightThrough(changetype<StraightThroughFields>(fields), block);
    case Kind.SquaredError:
      return squaredError(changetype<SquaredErrorFields>(fields), block);
    case Kind.SquaredErrorFold:
      return squaredErrorFold(changetype<SquaredErrorFoldFields>(fields));
    case Kind.Copy:
      return copy(changetype<CopyFields>(fields), block);
  }
}
