    .include "suite.inc"
    begin
    stores  sd, 8
    end
