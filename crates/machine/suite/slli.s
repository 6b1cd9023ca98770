    .include "suite.inc"
    begin
    immediate slli, 0, 1, 7, 31, 32, 33, 62, 63
    end
