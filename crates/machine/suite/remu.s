    .include "suite.inc"
    begin
    binary  remu
    end
