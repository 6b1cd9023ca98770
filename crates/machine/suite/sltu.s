    .include "suite.inc"
    begin
    binary  sltu
    end
