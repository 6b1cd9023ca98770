    .include "suite.inc"
    begin
    binary  mulhu
    end
