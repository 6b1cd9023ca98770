    .include "suite.inc"
    begin
    binary  add
    end
