"""The LaTeX documents that the table is filled into: a big sheet with everything, and a table for a paper.

In all of them `<<` and `<%` mark what is filled in. Every text is escaped unless it is said to be `ready`.
"""

# what both need: columns of ragged text, Japanese and other characters by the fonts that are there
PREAMBLE = r"""\usepackage{iftex}
\usepackage{array}
\usepackage{booktabs}
\usepackage{longtable}
\ifPDFTeX
  \usepackage[T1]{fontenc}
  \usepackage{textcomp}
  \IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
  \DeclareRobustCommand{\harnesschar}[1]{[U+#1]\allowbreak}
\else
  \usepackage{fontspec}
  \newcommand{\harnessfont}{}
  % bold and italics are made of the upright letters where a font has none, as Japanese ones have no italics
<% for font in fonts|reverse %>
  \IfFontExistsTF{<< font >>}{%
    \newfontfamily{\harnessfont<< letters[loop.index0] >>}{<< font >>}[AutoFakeBold=2,AutoFakeSlant=0.2]%
    \renewcommand{\harnessfont}{\harnessfont<< letters[loop.index0] >>}}{}
<% endfor %>
  % what no line may begin or end with
  \def\harnessbefore#1{\expandafter\def\csname harnessbefore#1\endcsname{\leavevmode\unpenalty\nobreak}}
  \def\harnessafter#1{\expandafter\def\csname harnessafter#1\endcsname{\nobreak}}
<% for codes in closing|batch(6) %>
  <% for code in codes %>\harnessbefore{<< code >>}<% endfor %>%
<% endfor %>
<% for codes in opening|batch(6) %>
  <% for code in codes %>\harnessafter{<< code >>}<% endfor %>%
<% endfor %>
  \DeclareRobustCommand{\harnesschar}[1]{%
    \csname harnessbefore#1\endcsname
    {\iffontchar\font"#1 \else\harnessfont\fi\iffontchar\font"#1 \char"#1 \else[U+#1]\fi}%
    \ifnum"#1>"2E7F \expandafter\ifx\csname harnessafter#1\endcsname\relax\allowbreak\else\nobreak\fi\fi}
\fi
\newcolumntype{P}[1]{>{\raggedright\arraybackslash}p{#1}}"""

FULL = r"""% Written by the harness (harness report --format tex); do not edit.
% Wants xelatex. pdflatex compiles it too, but prints Japanese and other characters that its fonts lack
% as [U+540C]. Run it twice or three times, until the columns stand.
\documentclass{article}
\usepackage[a3paper,landscape,margin=10mm,includefoot]{geometry}
<< ready(preamble) >>
\setlength{\tabcolsep}{1.2mm}
\setlength{\extrarowheight}{1.5pt}
\setlength{\LTleft}{0pt}
\setlength{\parindent}{0pt}
\begin{document}
\scriptsize
\sloppy
\section*{<< title >>}
\textbf{<< summary >>}

<% if counts %>
\begin{tabular}{@{}l<< ready("r" * (counts[0]|length - 1)) >>@{}}
\toprule
<< line(counts[0]) >> \\
\midrule
<% for cells in counts[1:] %>
<< line(cells) >> \\
<% endfor %>
\bottomrule
\end{tabular}

<% endif %>
<% for article in articles %>
% no heading at the foot of a page
\par\ifdim\dimexpr\pagegoal-\pagetotal\relax<40mm \newpage\fi
\section*{<< article.title >>}
\begin{longtable}{@{}<% for width in widths %>P{<< width >>mm}<% endfor %>@{}}
\toprule
<< line(columns) >> \\
\midrule
\endhead
\bottomrule
\endfoot
<% for line in article.lines %>
<< ready(line) >>
<% endfor %>
\end{longtable}

<% endfor %>
\section*{<< legend_title >>}
<% for heading, meanings in legend %>
<< heading >>
\begin{itemize}
<% for word, meaning in meanings %>
\item \textbf{<< word >>}: << meaning >>
<% endfor %>
\end{itemize}
<% endfor %>
<< explained >>
<% if notes %>

\section*{<< notes_title >>}
\begin{itemize}
<% for note in notes %>
\item[<< ready("{[}") >><< loop.index >>]] << note >>
<% endfor %>
\end{itemize}
<% endif %>
\end{document}
"""

PAPER = r"""% Written by the harness (harness report --format tex --columns << columns_name >>); do not edit.
% Wants xelatex. pdflatex compiles it too, but prints Japanese and other characters that its fonts lack
% as [U+540C]. Run it twice or three times, until the columns stand.
% For a paper of your own: its preamble takes the lines from iftex to parindent, its text those from "the table" on.
\documentclass{article}
\usepackage[a4paper,margin=15mm,includefoot]{geometry}
<< ready(preamble) >>
\setlength{\tabcolsep}{1.2mm}
\setlength{\extrarowheight}{1.5pt}
\setlength{\LTleft}{0pt}
\setlength{\parindent}{0pt}
\begin{document}
% the table
<% if floats %>
\begin{table*}[!htbp]
\footnotesize
\setlength{\belowcaptionskip}{4pt}
\caption{<< caption >>}
\label{tab:claims}
\begin{tabular}{@{}<% for width in widths %>P{<< width >>mm}<% endfor %>@{}}
\toprule
<< line(columns) >> \\
\midrule
<% for line in lines %>
<< ready(line) >>
<% endfor %>
\bottomrule
\end{tabular}
<< ready(footnotes) >>
\end{table*}
<% else %>
{\footnotesize\sloppy
\setlength{\LTcapwidth}{\linewidth}
\begin{longtable}{@{}<% for width in widths %>P{<< width >>mm}<% endfor %>@{}}
\caption{<< caption >>}
\label{tab:claims} \\
\toprule
<< line(columns) >> \\
\midrule
\endfirsthead
\toprule
<< line(columns) >> \\
\midrule
\endhead
\bottomrule
\endfoot
<% for line in lines %>
<< ready(line) >>
<% endfor %>
\end{longtable}
<< ready(footnotes) >>
}
<% endif %>
% the end of the table
\end{document}
"""
