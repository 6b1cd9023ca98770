    .include "suite.inc"
    begin
    binary  xor
    end
