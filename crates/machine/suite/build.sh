#!/usr/bin/env bash
# Makes the images and the expected results of the suite anew: `build.sh`, or `build.sh --check` to compare with what is
# committed. Needs Debian's binutils-riscv64-unknown-elf and qemu-user, which the tests themselves do not.
#
# A program <name>.s gives <name>.bin, an image that is loaded and entered at 0x10000, and <name>.expected, the bytes that it
# leaves at 0x18000. They are what qemu says: the same program, ended by report.s and not by exit.s, is run by qemu-riscv64.
set -euo pipefail
cd "$(dirname "$0")"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

assemble() { riscv64-unknown-elf-as -march=rv64im -mabi=lp64 -mno-relax "$1.s" -o "$made/$1.o"; }
# link <program> <end> <output>
link() { riscv64-unknown-elf-ld --no-relax --no-warn-rwx-segments -T suite.ld "$made/$1.o" "$made/$2.o" -o "$made/$3"; }

assemble exit
assemble report
for source in *.s; do
    name=${source%.s}
    case $name in exit | report) continue ;; esac
    assemble "$name"
    link "$name" exit image.elf
    link "$name" report report.elf
    riscv64-unknown-elf-objcopy -O binary -j .image "$made/image.elf" "$made/$name.bin"
    qemu-riscv64 "$made/report.elf" >"$made/$name.expected"
done

if [ "${1-}" = --check ]; then
    for file in "$made"/*.bin "$made"/*.expected *.bin *.expected; do
        cmp "$made/${file##*/}" "${file##*/}"
    done
else
    rm -f ./*.bin ./*.expected
    mv "$made"/*.bin "$made"/*.expected .
fi
