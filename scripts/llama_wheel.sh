#!/bin/sh
# Builds llama-cpp-python for this processor, unless the cache has it, and prints the folder of the wheel.
# The wheel is compiled for the very processor (-march=native), so the cache is kept by processor.
set -eu
cd "$(dirname "$0")/.."
requirement=$(grep -i "^llama.cpp.python==" constraints.txt)

# Image input and TLS are not used. AMX is switched off: virtual machines exist that announce it and then crash on it.
no_amx="-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
case "$(uname -m)" in
    x86_64) flags="-DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF -DCMAKE_C_FLAGS='$no_amx' -DCMAKE_CXX_FLAGS='$no_amx'" ;;
    *) flags="-DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF" ;;
esac

processor=$(grep -m1 -i '^flags\|^features' /proc/cpuinfo 2>/dev/null || uname -a)
key=$(printf '%s %s %s' "$requirement" "$flags" "$processor" | cksum | tr ' ' '-')
cache=$(.venv/bin/python -c '
import os, pathlib, sys
default = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "agentflow"
print(pathlib.Path(os.environ.get("AGENTFLOW_CACHE") or default) / "wheels" / sys.argv[1])' "$key")

if ! ls "$cache"/llama_cpp_python-*.whl >/dev/null 2>&1; then
    echo "setup: compiling llama.cpp for this processor, once: 3 to 10 minutes" >&2
    mkdir -p "$cache"
    building=$(mktemp -d "$cache/building.XXXXXX")
    trap 'rm -rf "$building"' EXIT
    CMAKE_ARGS="$flags" CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(getconf _NPROCESSORS_ONLN)}" \
        .venv/bin/python -m pip wheel --quiet --no-deps --no-cache-dir --no-binary llama-cpp-python \
        --wheel-dir "$building" "$requirement" >&2
    mv "$building"/llama_cpp_python-*.whl "$cache/"
fi
echo "$cache"
