    .include "suite.inc"
    begin
    binary  srlw
    end
