# The end of a program on Linux: writes the results to standard output, then exits with code 0.
    .section .finish, "ax"
    .globl finish
finish:
    la      a1, results
    sub     a2, s0, a1
    li      a0, 1
    li      a7, 64
    ecall
    li      a0, 0
    li      a7, 93
    ecall
