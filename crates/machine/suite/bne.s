    .include "suite.inc"
    begin
    branches bne, a0, a1
    end
