    .include "suite.inc"
    begin
    binary  sraw
    end
