/** Names and shapes of the tensors in other families' checkpoints, as upstream's modules register them. */
import type { Shape } from "../../../kernels/mod.ts";

/** What upstream's constructors take. */
export interface Size {
  readonly in_channels: number;
  readonly out_ch: number;
  readonly ch: number;
  /** Widths of the levels, finest first, in multiples of `ch`. */
  readonly ch_mult: readonly number[];
  readonly num_res_blocks: number;
  /** Levels with attention, of both halves. LlamaGen has it in the coarsest, MaskGIT nowhere. */
  readonly attention: readonly number[];
  readonly middleAttention: boolean;
  /** Channels between encoder and `quant_conv`. */
  readonly z_channels: number;
  /** Channels of a code. MaskGIT and MAGVIT-v2 have `z_channels`. */
  readonly embed_dim: number;
  readonly n_embed: number;
}

/** Two levels, attention in the coarser one, 64 codes of 16 numbers. */
export const SMALL: Size = {
  in_channels: 3,
  out_ch: 3,
  ch: 32,
  ch_mult: [1, 2],
  num_res_blocks: 1,
  attention: [1],
  middleAttention: true,
  z_channels: 16,
  embed_dim: 16,
  n_embed: 64,
};

/** The shapes of tensors by name. */
export type Shapes = Map<string, Shape>;

/** What differs between the halves of MAGVIT-v2. */
export interface Halves {
  readonly encoder: { readonly ch_mult: readonly number[]; readonly num_res_blocks: readonly number[] };
  readonly decoder: { readonly ch_mult: readonly number[]; readonly num_res_blocks: readonly number[] };
}

/** Registers the weights of modules. */
class Modules {
  readonly shapes: Shapes = new Map();

  conv(name: string, ins: number, outs: number, kernel: 1 | 3, hasBias = true): void {
    this.shapes.set(`${name}.weight`, [outs, ins, kernel, kernel]);
    if (hasBias) this.shapes.set(`${name}.bias`, [outs]);
  }

  norm(name: string, channels: number): void {
    this.shapes.set(`${name}.weight`, [channels]);
    this.shapes.set(`${name}.bias`, [channels]);
  }

  /** MoVQGAN's norm, which the codes modulate. */
  spatialNorm(name: string, channels: number, codeChannels: number): void {
    this.norm(`${name}.norm_layer`, channels);
    for (const part of ["conv_y", "conv_b"]) this.conv(`${name}.${part}`, codeChannels, channels, 1);
  }
}

type Norm = (name: string, channels: number) => void;

function resnet(m: Modules, norm: Norm, name: string, ins: number, outs: number): void {
  norm(`${name}.norm1`, ins);
  m.conv(`${name}.conv1`, ins, outs, 3);
  norm(`${name}.norm2`, outs);
  m.conv(`${name}.conv2`, outs, outs, 3);
  if (ins !== outs) m.conv(`${name}.nin_shortcut`, ins, outs, 1);
}

function attention(m: Modules, norm: Norm, name: string, channels: number): void {
  norm(`${name}.norm`, channels);
  for (const part of ["q", "k", "v", "proj_out"]) m.conv(`${name}.${part}`, channels, channels, 1);
}

/** One half with taming-transformers' or LlamaGen's names. */
interface Half {
  /** `encoder.down` and `decoder.up`, or `encoder.conv_blocks` and `decoder.conv_blocks`. */
  readonly blocks: string;
  readonly resnet: "block" | "res";
  readonly middle: readonly [string, string, string];
  /** The number of a level in names, by its number from the finest. */
  readonly numberOf: (level: number) => number;
  readonly ch_mult: readonly number[];
  readonly num_res_blocks: readonly number[];
  readonly norm: Norm;
}

const TAMING_MIDDLE = ["mid.block_1", "mid.attn_1", "mid.block_2"] as const;
const LLAMAGEN_MIDDLE = ["mid.0", "mid.1", "mid.2"] as const;

function middle(m: Modules, half: string, { norm, middle }: Half, channels: number, hasAttention: boolean): void {
  const [first, attn, second] = middle.map((name) => `${half}.${name}`);
  resnet(m, norm, first, channels, channels);
  if (hasAttention) attention(m, norm, attn, channels);
  resnet(m, norm, second, channels, channels);
}

function encoder(m: Modules, size: Size, half: Half): void {
  const { ch } = size;
  m.conv("encoder.conv_in", size.in_channels, ch, 3);
  let channels = ch;
  half.ch_mult.forEach((multiple, i) => {
    const level = `encoder.${half.blocks}.${half.numberOf(i)}`;
    for (let j = 0; j < half.num_res_blocks[i]; j++) {
      resnet(m, half.norm, `${level}.${half.resnet}.${j}`, channels, ch * multiple);
      channels = ch * multiple;
      if (size.attention.includes(i)) attention(m, half.norm, `${level}.attn.${j}`, channels);
    }
    if (i < half.ch_mult.length - 1) m.conv(`${level}.downsample.conv`, channels, channels, 3);
  });
  middle(m, "encoder", half, channels, size.middleAttention);
  half.norm("encoder.norm_out", channels);
  m.conv("encoder.conv_out", channels, size.z_channels, 3);
}

function decoder(m: Modules, size: Size, half: Half): void {
  const { ch } = size;
  let channels = ch * half.ch_mult.at(-1)!;
  m.conv("decoder.conv_in", size.z_channels, channels, 3);
  middle(m, "decoder", half, channels, size.middleAttention);
  for (let i = half.ch_mult.length - 1; i >= 0; i--) {
    const level = `decoder.${half.blocks}.${half.numberOf(i)}`;
    for (let j = 0; j < half.num_res_blocks[i]; j++) {
      resnet(m, half.norm, `${level}.${half.resnet}.${j}`, channels, ch * half.ch_mult[i]);
      channels = ch * half.ch_mult[i];
      if (size.attention.includes(i)) attention(m, half.norm, `${level}.attn.${j}`, channels);
    }
    if (i > 0) m.conv(`${level}.upsample.conv`, channels, channels, 3);
  }
  half.norm("decoder.norm_out", channels);
  m.conv("decoder.conv_out", channels, size.out_ch, 3);
}

function quantizer(m: Modules, { z_channels, embed_dim, n_embed }: Size): void {
  m.shapes.set("quantize.embedding.weight", [n_embed, embed_dim]);
  m.conv("quant_conv", z_channels, embed_dim, 1);
  m.conv("post_quant_conv", embed_dim, z_channels, 1);
}

/** As many layers at each level. */
function everywhere({ ch_mult }: Size, layers: number): number[] {
  return ch_mult.map(() => layers);
}

/** taming-transformers, Chameleon, latent diffusion, IBQ, Emu3.5. */
export function tamingShapes(size: Size): Shapes {
  const m = new Modules();
  const names = { resnet: "block", middle: TAMING_MIDDLE, numberOf: (i: number) => i } as const;
  const half = { ...names, ch_mult: size.ch_mult, norm: m.norm.bind(m) };
  encoder(m, size, { ...half, blocks: "down", num_res_blocks: everywhere(size, size.num_res_blocks) });
  decoder(m, size, { ...half, blocks: "up", num_res_blocks: everywhere(size, size.num_res_blocks + 1) });
  quantizer(m, size);
  return m.shapes;
}

/** MoVQGAN: the decoder's norms are spatial. */
export function movqganShapes(size: Size): Shapes {
  const m = new Modules();
  const names = { resnet: "block", middle: TAMING_MIDDLE, numberOf: (i: number) => i } as const;
  const half = { ...names, ch_mult: size.ch_mult };
  const spatial: Norm = (name, channels) => m.spatialNorm(name, channels, size.embed_dim);
  const layers = everywhere(size, size.num_res_blocks);
  encoder(m, size, { ...half, blocks: "down", num_res_blocks: layers, norm: m.norm.bind(m) });
  decoder(m, size, { ...half, blocks: "up", num_res_blocks: layers.map((n) => n + 1), norm: spatial });
  quantizer(m, size);
  return m.shapes;
}

/** LlamaGen, Janus: attention in the coarsest level, whatever `attention` says. */
export function llamagenShapes(size: Size): Shapes {
  const m = new Modules();
  const last = size.ch_mult.length - 1;
  const own = { ...size, attention: [last], middleAttention: true };
  const names = { blocks: "conv_blocks", resnet: "res", middle: LLAMAGEN_MIDDLE } as const;
  const half = { ...names, ch_mult: size.ch_mult, norm: m.norm.bind(m) };
  const layers = everywhere(size, size.num_res_blocks);
  encoder(m, own, { ...half, num_res_blocks: layers, numberOf: (i) => i });
  decoder(m, own, { ...half, num_res_blocks: layers.map((n) => n + 1), numberOf: (i) => last - i });
  quantizer(m, size);
  m.shapes.set("quantize.codebook_used", [65536]);
  return m.shapes;
}

/** Show-o's MAGVIT-v2: each half has its own widths and layers, the codes follow from `z_channels`. */
export function magvitShapes(size: Size, halves: Halves): Shapes {
  const m = new Modules();
  const names = { resnet: "block", middle: TAMING_MIDDLE, numberOf: (i: number) => i } as const;
  const half = { ...names, norm: m.norm.bind(m) };
  const { z_channels: bits } = size;
  encoder(m, size, { ...half, ...halves.encoder, blocks: "down" });
  m.conv("encoder.quant_conv", bits, bits, 1);
  decoder(m, { ...size, attention: [] }, { ...half, ...halves.decoder, blocks: "up" });
  m.conv("decoder.post_quant_conv", bits, bits, 1);
  m.shapes.set("quantize.embedding", [2 ** bits, bits]);
  m.shapes.set("quantize.power_vals", [bits]);
  return m.shapes;
}

/** open-muse's MaskGIT VQGAN: no attention, fewer biases, and no convolutions around the quantizer. */
export function maskgitShapes({ in_channels, out_ch, ch, ch_mult, num_res_blocks, z_channels, n_embed }: Size): Shapes {
  const m = new Modules();
  const block = (name: string, ins: number, outs: number) => {
    m.norm(`${name}.norm1`, ins);
    m.conv(`${name}.conv1`, ins, outs, 3, false);
    m.norm(`${name}.norm2`, outs);
    m.conv(`${name}.conv2`, outs, outs, 3, false);
    if (ins !== outs) m.conv(`${name}.nin_shortcut`, outs, outs, 1, false); // applied to the result
  };
  const blocks = (name: string, ins: number, outs: number) => {
    for (let j = 0; j < num_res_blocks; j++) block(`${name}.${j}`, j === 0 ? ins : outs, outs);
  };
  const widths = ch_mult.map((multiple) => ch * multiple);
  const widest = widths.at(-1)!;

  m.conv("encoder.conv_in", in_channels, ch, 3, false);
  widths.forEach((width, i) => blocks(`encoder.down.${i}.block`, widths[i - 1] ?? ch, width));
  blocks("encoder.mid", widest, widest);
  m.norm("encoder.norm_out", widest);
  m.conv("encoder.conv_out", widest, z_channels, 1);

  m.conv("decoder.conv_in", z_channels, widest, 3);
  blocks("decoder.mid", widest, widest);
  for (let i = widths.length - 1; i >= 0; i--) {
    blocks(`decoder.up.${i}.block`, widths[i + 1] ?? widest, widths[i]);
    if (i > 0) m.conv(`decoder.up.${i}.upsample_conv`, widths[i], widths[i], 3);
  }
  m.norm("decoder.norm_out", widths[0]);
  m.conv("decoder.conv_out", widths[0], out_ch, 3);
  m.shapes.set("quantize.embedding.weight", [n_embed, z_channels]);
  return m.shapes;
}

/** The same tensors as a part of a larger model. */
export function under(prefix: string, shapes: Shapes): Shapes {
  return new Map([...shapes].map(([name, shape]) => [prefix + name, shape]));
}
