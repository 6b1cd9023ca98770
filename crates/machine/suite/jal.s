    .include "suite.inc"
    begin
    # Every bit of the distance that fits here; what is passed over are no instructions.
    .irp    distance, 8, 12, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096
    jal     x31, . + \distance
    .zero   \distance - 4
    result  x31
    .endr
    # Back, over its own link register and over none.
    jal     x21, 2f
1:  result  x21
    result  x1
    li      x21, 5
    jal     x0, 3f
    .zero   4096
2:  jal     x1, 1b
    .zero   4
3:  result  x21
    result  x0
    end
