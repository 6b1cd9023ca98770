    .include "suite.inc"
    begin
    immediate srai, 0, 1, 7, 31, 32, 33, 62, 63
    end
