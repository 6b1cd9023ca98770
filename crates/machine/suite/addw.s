    .include "suite.inc"
    begin
    binary  addw
    end
