export { commitIter, createRepo, downloadFile, fileDownloadInfo, listFiles, modelInfo } from "@huggingface/hub";
