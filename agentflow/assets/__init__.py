"""Named files from elsewhere: model weights and texts, fetched once, checked against their hash, kept in the cache.

    cache.py     where the cache folder is
    asset.py     what a named file is: licence, bytes, SHA-256, sources; and whether it is on disk
    fetch.py     source after source until one brings the right bytes
    hub.py       a source: a model hub
    wheels.py    a source: wheels of a package index that carry the bytes as data
    hashing.py   SHA-256 while writing, and the note that spares a second hashing
    lock.py      one process at a time
    progress.py  what the user sees meanwhile

The hash is what is trusted. Where the bytes come from does not matter once it fits.
"""
