    .include "suite.inc"
    begin
    loads   lwu, 4
    end
