#!/usr/bin/env bash
# Builds the program for the machine into `program/postern-program.elf`, and writes `program/postern-program.json` about it.
# With --check it only compares what it builds with the committed file.
#
# No toolchain comes with a standard library for the target, so `core` and `alloc` are built too, from the sources of the
# compiler. For the committed bytes take Debian's compiler, of the version in `postern-program.json`:
#     apt-get install rustc-web cargo-web rust-web-src
# Another one of that version with its sources (rustup component `rust-src`) does as well, but perhaps not to the byte: name
# it by RUSTC and CARGO. The linker is the one of the toolchain that builds everything else.
set -euo pipefail
cd "$(dirname "$0")/.."

rustc=${RUSTC:-/usr/bin/rustc}
cargo=${CARGO:-/usr/bin/cargo}
linkers=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
target=riscv64imac-unknown-none-elf
build=${CARGO_TARGET_DIR:-$PWD/target}/guest
built=$build/$target/guest/postern-program
elf=program/postern-program.elf

flags=(
    # The machine has neither compressed nor atomic instructions; with one hart and no interrupts plain ones do.
    -C target-feature=-c,-zca,-a,-zaamo,-zalrsc
    -C passes=lower-atomic
    -C link-arg=-T"$PWD/program/program.ld"
    # The same bytes wherever the checkout, the registry and the compiler lie.
    --remap-path-prefix="$PWD"=/postern
    --remap-path-prefix="${CARGO_HOME:-$HOME/.cargo}"=/cargo
    --remap-path-prefix="$("$rustc" --print sysroot)"=/rust
)
# The hash maps' hash is that in `program/foldhash`, and only here: so the lock file is the workspace's but for its origin.
mkdir -p "$build"
sed '/^name = "foldhash"$/{n;/^version = "0.2.0"$/{n;N;d}}' Cargo.lock > "$build/Cargo.lock"
hash=(
    -Z lockfile-path --config "resolver.lockfile-path = '$build/Cargo.lock'"
    --config "patch.crates-io.foldhash.path = '$PWD/program/foldhash'"
)

PATH=$linkers:$PATH RUSTC=$rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$build \
    CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; printf %s "${flags[*]}") \
    "$cargo" build --quiet --locked --package postern-program --features guest --bin postern-program \
    --profile guest --target "$target" "${hash[@]}" -Z build-std=core,alloc -Z build-std-features=compiler-builtins-mem

if [[ ${1-} == --check ]]; then
    cmp "$built" "$elf" || { echo "$elf is stale, or built by another toolchain: make program" >&2; exit 1; }
else
    cp "$built" "$elf"
    # What reads executables for the machine checks every instruction, so this fails if there is one that it lacks.
    env -u CARGO -u RUSTC cargo run --quiet --locked --package postern-program --example describe -- "$("$rustc" --version)" \
        > program/postern-program.json
fi
