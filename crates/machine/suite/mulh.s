    .include "suite.inc"
    begin
    binary  mulh
    end
