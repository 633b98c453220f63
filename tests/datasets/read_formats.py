"""Reads FOLDER/tokens.* without this package, and prints what they hold as JSON: for each format a list of records."""

import io
import json
import struct
import sys
import tarfile
import zipfile

import numpy as np

folder = sys.argv[1]
DTYPES = {"U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8", "I64": "<i8"}


def described(array, keys=None, **more):
    keys = [None] * len(array) if keys is None else keys
    return dict(dtype=str(array.dtype), shape=list(array.shape), keys=list(keys), indices=array.tolist(), **more)


def read_tar():
    with tarfile.open(f"{folder}/tokens.tar") as archive:
        names = archive.getnames()
        assert all(member.mtime == 0 and member.isfile() for member in archive)
        arrays = [np.load(io.BytesIO(archive.extractfile(name).read())) for name in names if name.endswith(".npy")]
        fields = [json.load(archive.extractfile(name)) for name in names if name.endswith(".json")]
    keys = [name[: -len(".npy")] for name in names if name.endswith(".npy")]
    assert keys == [field["key"] for field in fields]
    assert all(field["shape"] == list(array.shape) for field, array in zip(fields, arrays))
    return described(np.stack(arrays), keys, fields=fields)


def read_jsonl():
    with open(f"{folder}/tokens.jsonl") as lines:
        records = [json.loads(line) for line in lines]
    arrays = [np.array(record.pop("indices"), "<u2").reshape(record["shape"]) for record in records]
    return described(np.stack(arrays), [record["key"] for record in records], fields=records)


def read_npy():
    return described(np.load(f"{folder}/tokens.npy", mmap_mode="r"))


def read_npz():
    path = f"{folder}/tokens.npz"
    assert zipfile.ZipFile(path).testzip() is None
    with np.load(path) as arrays:
        model, codebook = str(arrays["model"]), str(arrays["codebook"])
        return described(arrays["indices"], arrays["keys"].tolist(), model=model, codebook=codebook)


def read_safetensors():
    with open(f"{folder}/tokens.safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    metadata, tensor = header["__metadata__"], header["indices"]
    begin, end = tensor["data_offsets"]
    assert (begin, end) == (0, len(data))
    array = np.frombuffer(data, DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
    return described(array, json.loads(metadata["keys"]), model=metadata["model"], codebook=metadata["codebook"])


readers = [read_tar, read_jsonl, read_npy, read_npz, read_safetensors]
print(json.dumps({reader.__name__[len("read_"):]: reader() for reader in readers}))
