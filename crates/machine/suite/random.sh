#!/usr/bin/env bash
# Prints a program of random instructions for the suite, the same for the same seed: `random.sh <seed>`. It has what a program
# on Linux can execute as the machine does, so it does not trap, and comes in blocks. A block gives some registers new
# values, executes units and leaves x1 … x31 in the results. A unit is an instruction, or a few of which the first one may
# lead over the others.
#
# x8 points to the results and x9 into the first of them, which are for loads and stores; all other registers are free.
set -euo pipefail
readonly BLOCKS=36 UNITS=24
readonly REGISTERS="add sub sll slt sltu xor srl sra or and mul mulh mulhsu mulhu div divu rem remu
    addw subw sllw srlw sraw mulw divw divuw remw remuw"
readonly IMMEDIATES="addi slti sltiu xori ori andi addiw"
readonly BRANCHES="beq bne blt bge bltu bgeu"
readonly EXTREMES="0 1 -1 2 31 32 63 64 0x7fffffff 0x80000000 0xffffffff 0x100000000 0xffffffff80000000 0xffffffff7fffffff
    0x7fffffffffffffff 0x8000000000000000 0x8000000000000001"
state=$1

# The functions leave their results in variables: a subshell would have a state of its own.

# A number below $1, as $drawn. The generator is Knuth's MMIX; its high bits are the good ones.
draw() {
    state=$((state * 6364136223846793005 + 1442695040888963407))
    drawn=$(((state >> 33 & 0x7fffffff) % $1))
}
# One of the arguments, as $picked.
pick() { draw $#; drawn=$((drawn + 1)); picked=${!drawn}; }
# A register that may be written, as $rd, and two that are read, as $a and $b: often one that was written just before.
registers() {
    pick {0..7} {10..31}; rd=x$picked
    pick {0..31} $recent; a=x$picked
    pick {0..31} $recent; b=x$picked
    recent="${recent#* } ${rd#x}"
}
immediate() { draw 4096; pick $((drawn - 2048)) $((drawn - 2048)) -2048 -1 0 1 2047; }
# An instruction that goes on with the next one.
plain() {
    registers
    draw 22
    case $drawn in
        [0-9] | 10 | 11) pick $REGISTERS; echo "    $picked $rd, $a, $b" ;;
        12 | 13 | 14) pick $IMMEDIATES; local op=$picked; immediate; echo "    $op $rd, $a, $picked" ;;
        15 | 16) pick slli srli srai; draw 64; echo "    $picked $rd, $a, $drawn" ;;
        17) pick slliw srliw sraiw; draw 32; echo "    $picked $rd, $a, $drawn" ;;
        18) pick lui auipc; draw 1048576; echo "    $picked $rd, $drawn" ;;
        19) pick lb,1 lh,2 lw,4 ld,8 lbu,1 lhu,2 lwu,4; place "${picked#*,}"; echo "    ${picked%,*} $rd, $offset(x9)" ;;
        20) pick sb,1 sh,2 sw,4 sd,8; place "${picked#*,}"; echo "    ${picked%,*} $a, $offset(x9)" ;;
        21) echo "    fence" ;;
    esac
}
# Where $1 bytes are within the 1,024 around x9, as $offset.
place() { draw $((1024 / $1)); offset=$((drawn * $1 - 512)); }
unit() {
    draw 16
    case $drawn in
        0 | 1) pick $BRANCHES; local op=$picked; registers; echo "    $op $a, $b, . + 8"; plain ;;
        2) registers; printf '    jal %s, . + 8\n    .word 0\n' $rd ;;
        # The lowest bit of the target counts for nothing.
        3) pick {1..7} {10..31}; local base=x$picked; registers; draw 2
            printf '    auipc %s, 0\n    jalr %s, %d(%s)\n    .word 0\n' $base $rd $((12 + drawn)) $base ;;
        *) plain ;;
    esac
}

recent="1 2 3"
printf '    .include "suite.inc"\n    begin\n    addi    x9, s0, 512\n    addi    s0, s0, 1024\n'
# At the start of a program Linux has a stack.
for register in {1..7} {10..31}; do echo "    li x$register, 0"; done
for ((block = 0; block < BLOCKS; block++)); do
    for value in 1 2 3 4 5 6; do
        registers
        draw 4
        if ((drawn)); then pick $EXTREMES; else draw 2147483647; picked=$((state ^ drawn)); fi
        echo "    li $rd, $picked"
    done
    for ((n = 0; n < UNITS; n++)); do unit; done
    for register in {1..31}; do echo "    sd x$register, $((8 * register - 8))(s0)"; done
    echo "    addi s0, s0, 248"
done
echo "    end"
