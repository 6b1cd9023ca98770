# The end of a program on the machine: exit with code 0, which this machine takes from a4.
    .section .finish, "ax"
    .globl finish
finish:
    li      a4, 0
    li      a7, 93
    ecall
