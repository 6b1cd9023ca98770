    .include "suite.inc"
    begin
    binary  slt
    end
