    .include "suite.inc"
    begin
    loads   lbu, 1
    end
