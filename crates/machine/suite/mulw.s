    .include "suite.inc"
    begin
    binary  mulw
    end
