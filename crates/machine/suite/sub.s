    .include "suite.inc"
    begin
    binary  sub
    end
