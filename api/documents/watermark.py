"""The watermark of an exercise in a .docx: the word behind the text of every page, as Word itself writes one.

In:  a header of a section. Out: that header with a VML text path (ECMA-376 part 4, 14; the `PowerPlusWaterMarkObject`
that Word's own command makes), which Word and LibreOffice both draw. The text is this file's constant, never a case's.
"""

from __future__ import annotations

from typing import Any

from docx.oxml import parse_xml

WORD = "DIỄN TẬP"
_XML = """<w:r xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"
  xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office">
  <w:rPr><w:noProof/></w:rPr><w:pict>
  <v:shapetype id="_x0000_t136" coordsize="21600,21600" o:spt="136" adj="10800"
    path="m@7,l@8,m@5,21600l@6,21600e"><v:formulas><v:f eqn="sum #0 0 10800"/><v:f eqn="prod #0 2 1"/>
    <v:f eqn="sum 21600 0 @1"/><v:f eqn="sum 0 0 @2"/><v:f eqn="sum 21600 0 @3"/><v:f eqn="if @0 @3 0"/>
    <v:f eqn="if @0 21600 @1"/><v:f eqn="if @0 0 @2"/><v:f eqn="if @0 @4 21600"/><v:f eqn="mid @5 @6"/>
    <v:f eqn="mid @8 @5"/><v:f eqn="mid @7 @8"/><v:f eqn="mid @6 @7"/><v:f eqn="sum @6 0 @5"/></v:formulas>
    <v:path textpathok="t" o:connecttype="custom"
      o:connectlocs="@9,0;@10,10800;@11,21600;@12,10800" o:connectangles="270,180,90,0"/>
    <v:textpath on="t" fitshape="t"/></v:shapetype>
  <v:shape id="PowerPlusWaterMarkObject{number}" o:spid="_x0000_s{spid}" type="#_x0000_t136"
    style="position:absolute;margin-left:0;margin-top:0;width:400pt;height:90pt;rotation:315;z-index:-251658752;\
mso-position-horizontal:center;mso-position-horizontal-relative:margin;\
mso-position-vertical:center;mso-position-vertical-relative:margin"
    o:allowincell="f" fillcolor="#e0e0e0" stroked="f">
    <v:textpath style="font-family:&quot;Times New Roman&quot;;font-size:1pt;font-weight:bold" string="{word}"/>
  </v:shape></w:pict></w:r>"""


def put(header: Any, number: int) -> None:
    """`number` tells one header's shape from another's."""
    run = parse_xml(_XML.format(number=number, spid=2048 + number, word=WORD))
    header.paragraphs[0]._p.append(run)
