    .include "suite.inc"
    begin
    branches blt, a0, a1
    end
