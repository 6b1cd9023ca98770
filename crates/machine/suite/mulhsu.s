    .include "suite.inc"
    begin
    binary  mulhsu
    end
