    .include "suite.inc"
    begin
    binary  or
    end
