    .include "suite.inc"
    begin
    binary  srl
    end
