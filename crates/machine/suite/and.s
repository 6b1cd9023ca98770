    .include "suite.inc"
    begin
    binary  and
    end
