    .include "suite.inc"
    begin
    binary  rem
    end
