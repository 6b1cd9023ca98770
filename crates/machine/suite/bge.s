    .include "suite.inc"
    begin
    branches bge, a1, a0
    end
