    .include "suite.inc"
    begin
    binary  div
    end
