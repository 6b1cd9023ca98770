    .include "suite.inc"
    begin
    binary  divuw
    end
