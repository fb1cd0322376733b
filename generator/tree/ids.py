"""The ids that git gives to files and folders, worked out without a repository.

See gitformat-pack(5) and git-hash-object(1): the hash of the object's kind, its size and its bytes.
"""

from __future__ import annotations

import hashlib


def blob_id(data: bytes, hash_name: str = "sha1") -> str:
    """Return the id of a file's bytes, 40 or 64 hexadecimal digits for sha1 or sha256."""
    return object_id("blob", data, hash_name)


def object_id(kind: str, data: bytes, hash_name: str = "sha1") -> str:
    """Return the id of an object of a kind (`blob`, `tree`, `commit`) with these bytes."""
    digest = hashlib.new(hash_name, b"%s %d\0" % (kind.encode(), len(data)), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()
