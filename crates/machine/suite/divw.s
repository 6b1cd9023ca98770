    .include "suite.inc"
    begin
    binary  divw
    end
