    .include "suite.inc"
    begin
    .irp    i, 0, 1, 0x7ffff, 0x80000, 0x80001, 0xfffff, 0xaaaaa, 0x55555
    lui     x31, \i
    result  x31
    lui     x10, \i
    result  x10
    lui     x0, \i
    result  x0
    .endr
    end
