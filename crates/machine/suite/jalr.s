    .include "suite.inc"
    begin
    # From a base below, at and above the target; what is passed over are no instructions.
    .irp    offset, 0, 4, -4, 16, 2044, -2048
    la      x21, 1f - \offset
    jalr    x31, \offset(x21)
    .zero   12
1:  result  x31
    result  x21
    .endr
    # The lowest bit of the target is dropped: of the base, of the offset, of their sum.
    la      x21, 1f + 1
    jalr    x31, 0(x21)
    .zero   4
1:  result  x31
    la      x21, 1f
    jalr    x31, 1(x21)
    .zero   4
1:  result  x31
    la      x21, 1f + 5
    jalr    x31, -5(x21)
    .zero   4
1:  result  x31
    la      x21, 1f - 8
    jalr    x31, 9(x21)
    .zero   4
1:  result  x31
    # The base is read before the link is written, and x0 keeps no link.
    la      x10, 1f
    jalr    x10, 0(x10)
    .zero   4
1:  result  x10
    la      x10, 1f
    jalr    x0, 0(x10)
    .zero   4
1:  result  x10
    result  x0
    # Back.
    la      x10, 2f
    jalr    x1, 0(x10)
    .zero   8
1:  result  x1
    j       3f
    .zero   8
2:  la      x10, 1b
    jalr    x1, 0(x10)
3:  result  x10
    end
