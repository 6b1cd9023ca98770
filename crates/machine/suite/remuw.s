    .include "suite.inc"
    begin
    binary  remuw
    end
