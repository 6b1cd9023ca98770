    .include "suite.inc"
    begin
    stores  sb, 1
    end
