    .include "suite.inc"
    begin
    binary  mul
    end
