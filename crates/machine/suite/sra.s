    .include "suite.inc"
    begin
    binary  sra
    end
