    .include "suite.inc"
    begin
    stores  sw, 4
    end
