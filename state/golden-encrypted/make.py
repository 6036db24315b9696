"""Encrypts a state in OpenTofu's format, with none of Formwork's code: PyPI's `cryptography` and the standard library.

    python3 make.py encrypt STATE KEY_PROVIDER PASSPHRASE [--hash sha256] [--key-length 16] [--alias NAME] [--aad 1,2]
    python3 make.py decrypt FILE  KEY_PROVIDER PASSPHRASE [--aad 1,2]

The result goes to standard output. `KEY_PROVIDER` is a name: its metadata are stored as `key_provider.pbkdf2.NAME`.
"""

import argparse
import base64
import hashlib
import json
import os
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def derive(passphrase, meta):
    salt = base64.b64decode(meta["salt"])
    return hashlib.pbkdf2_hmac(
        meta["hash_function"], passphrase.encode(), salt, meta["iterations"], meta["key_length"]
    )


def main():
    args = argparse.ArgumentParser()
    args.add_argument("what", choices=["encrypt", "decrypt"])
    args.add_argument("file")
    args.add_argument("name")
    args.add_argument("passphrase")
    args.add_argument("--hash", default="sha512")
    args.add_argument("--key-length", type=int, default=32)
    args.add_argument("--iterations", type=int, default=600000)
    args.add_argument("--salt-length", type=int, default=32)
    args.add_argument("--alias")
    args.add_argument("--aad", default="")
    args = args.parse_args()
    name = args.alias or "key_provider.pbkdf2." + args.name
    aad = bytes(int(n) for n in args.aad.split(",") if n)
    with open(args.file, "rb") as file:
        text = file.read()
    if args.what == "decrypt":
        envelope = json.loads(text)
        assert envelope["encryption_version"] == "v0", envelope["encryption_version"]
        meta = json.loads(base64.b64decode(envelope["meta"][name]))
        data = base64.b64decode(envelope["encrypted_data"])
        plain = AESGCM(derive(args.passphrase, meta)).decrypt(data[:12], data[12:], aad)
        sys.stdout.buffer.write(plain)
        return
    state = json.loads(text)
    meta = {
        "salt": base64.b64encode(os.urandom(args.salt_length)).decode(),
        "iterations": args.iterations,
        "hash_function": args.hash,
        "key_length": args.key_length,
    }
    nonce = os.urandom(12)
    data = nonce + AESGCM(derive(args.passphrase, meta)).encrypt(nonce, text, aad)
    compact = lambda value: json.dumps(value, separators=(",", ":"))
    envelope = {
        "serial": state["serial"],
        "lineage": state["lineage"],
        "meta": {name: base64.b64encode(compact(meta).encode()).decode()},
        "encrypted_data": base64.b64encode(data).decode(),
        "encryption_version": "v0",
    }
    sys.stdout.write(compact(envelope))


main()
