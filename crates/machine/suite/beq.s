    .include "suite.inc"
    begin
    branches beq, a0, a0
    end
