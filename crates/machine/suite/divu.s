    .include "suite.inc"
    begin
    binary  divu
    end
