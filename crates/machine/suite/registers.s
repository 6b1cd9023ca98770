    .include "suite.inc"
    begin
    # Each register by itself, as destination, as first source and as second one. x8 is the pointer to the results.
    .irp    n, 1,2,3,4,5,6,7,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    lui     x\n, 0x12340 + \n
    addi    x\n, x\n, \n
    .endr
    .irp    n, 1,2,3,4,5,6,7,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sub     x8, x8, x\n
    add     x8, x\n, x8
    result  x\n
    .endr
    result  x8
    result  x0
    end
