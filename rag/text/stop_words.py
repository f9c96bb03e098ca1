"""Function words by language: articles, pronouns, prepositions, conjunctions, auxiliaries, question words.

Written for this project, closed classes only. The lists of the ``stop-words`` package were tried and left:
its English list holds 1,333 words ("computer", "fire") and lost .017 nDCG@10 on SQuAD2 against a list of
function words, its Greek is ancient, its Hebrew and Turkish files are damaged.
"""

from __future__ import annotations

# Written as a reader would; rag.text.terms normalises them as it does the words of a text.
STOP_WORDS: dict[str, str] = {
    "en": """
        a about above after again against all also am an and any are aren't as at be because been before
        being below between both but by can can't cannot could couldn't did didn't do does doesn't doing
        don't down during each eg either etc few for from further had hadn't has hasn't have haven't
        having he he'd he'll he's her here here's hers herself him himself his how how's i i'd i'll i'm
        i've ie if in into is isn't it it'd it'll it's its itself just let's may me might more most must
        mustn't my myself neither no nor not of off on once only or other ought our ours ourselves out
        over own same shall shan't she she'd she'll she's should shouldn't so some such than that
        that'll that's the their theirs them themselves then there there's these they they'd they'll
        they're they've this those through to too under until up upon us very was wasn't we we'd we'll
        we're we've were weren't what what's when when's where where's whether which while who who's
        whom whose why why's will with won't would wouldn't you you'd you'll you're you've your yours
        yourself yourselves""",
    "de": """
        aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes
        auch auf aus bei beim bin bis bist da dabei dadurch dafür dagegen daher damit danach dann daran
        darauf daraus darin darüber das dass dasselbe davon davor dazu dein deine deinem deinen deiner
        deines dem demselben den denen denn denselben der deren derer derselbe des desselben dessen dich
        die dies diese dieselbe dieselben diesem diesen dieser dieses dir doch dort du durch ein eine
        einem einen einer eines einige einigem einigen einiger einiges er es etwas euch euer eure eurem
        euren eurer für gegen gewesen hab habe haben habt hast hat hatte hatten hier hin hinter ich ihm
        ihn ihnen ihr ihre ihrem ihren ihrer ihres im in indem ins ist ja jede jedem jeden jeder jedes
        jedoch jene jenem jenen jener jenes jetzt kann kannst kein keine keinem keinen keiner keines
        können könnte man manche manchem manchen mancher manches mein meine meinem meinen meiner meines
        mich mir mit muss musste nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem
        seinen seiner seines seit selbst sich sie sind so solche solchem solchen solcher solches soll
        sollen sollte sondern sonst sowie über um und uns unser unsere unserem unseren unserer unter vom
        von vor wann war waren warst warum was weil welche welchem welchen welcher welches wem wen wenn
        wer werde werden weshalb wessen wie wieder wieso will wir wird wirst wo wodurch wofür woher
        wohin wollen womit worauf worin wovon wozu wurde wurden während würde würden zu zum zur zwar
        zwischen""",
    "fr": """
        à afin ai aie aient ainsi alors après as au aucun aucune aura aurait auraient auront aussi autre
        autres aux auxquelles auxquels avaient avais avait avant avec avez avoir avons ayant c car ce
        ceci cela celle celles celui ces cet cette ceux chaque chez ci combien comme comment d dans de
        depuis des desquelles desquels donc dont du duquel durant elle elles en entre es est et étaient
        étais était étant été êtes être eu eux fait fut furent ici il ils j jamais je jusqu jusque l la
        là laquelle le lequel les lesquelles lesquels leur leurs lorsqu lorsque lui m ma mais me même
        mêmes mes moi moins mon n ne ni non nos notre nous on ont or où ou par parce pas pendant plus
        pour pourquoi puis puisqu puisque qu quand que quel quelle quelles quels qui quoi quoique s sa
        sans se sera serait seraient seront ses si sinon soi soit sommes son sont sous sur t ta tandis
        te tel telle telles tels tes toi ton tous tout toute toutes très tu un une vers vos votre vous y""",
    "es": """
        a al algo algún alguna algunas alguno algunos ante antes aquel aquella aquellas aquello aquellos
        aquí así aún aunque bajo cada como cómo con contra cual cuál cuales cuáles cualquier cuando
        cuándo cuanta cuánta cuántas cuanto cuánto cuántos cuyo cuya cuyos cuyas de del desde donde
        dónde dos durante e el él ella ellas ello ellos en entre era eran eres es esa esas ese eso esos
        esta ésta está estaba estaban estado estamos están estar estas éstas este éste esto estos éstos
        estoy estuvo fue fueron ha haber había habían hace hacia han has hasta hay he hemos hubo la las
        le les lo los más me mediante mi mí mis mismo misma mismos mismas mucho muchos muy nada ni
        ningún ninguna ninguno no nos nosotros nuestra nuestras nuestro nuestros o os otra otras otro
        otros para pero poco por porque porqué pues que qué quien quién quienes quiénes se sea según ser
        será serán si sí sido siendo sin sino sobre sois somos son soy su sus tal tales también tampoco
        tan tanto te tenía tiene tienen ti toda todas todo todos tras tu tú tus u un una unas uno unos
        usted ustedes vosotros y ya yo""",
    "it": """
        a ad agl agli ai al all alla alle allo altra altre altri altro anche ancora avere avete aveva
        avevano avuto c che chi ci ciò coi col come con contro cosa cui d da dagl dagli dai dal dall
        dalla dalle dallo degl degli dei del dell della delle dello dentro di dopo dov dove due durante
        e è ed egli era erano essa esse essere essi esso fra fu fuori furono gli ha hai hanno ho i il in
        io l la le lei li lo loro lui ma me mentre mi mia mie miei mio molto n ne né negl negli nei nel
        nell nella nelle nello no noi non nostra nostre nostri nostro o od ogni oppure per perché perciò
        però più poi presso prima qual quale quali quand quando quanta quante quanti quanto quegli quei
        quel quell quella quelle quelli quello quest questa queste questi questo qui quindi s sarà
        saranno se sé senza si sia siamo siano siete solo sono sopra sotto sta stata state stati stato
        su sua sue sugl sugli sui sul sull sulla sulle sullo suo suoi t ti tra tu tua tue tuo tuoi tutta
        tutte tutti tutto un una uno v vi voi vostra vostre vostri vostro""",
    "pt": """
        a à ainda algo algum alguma algumas alguns ante antes ao aos aquela aquelas aquele aqueles
        aquilo as às até através cada com como contra cuja cujas cujo cujos da das de dela delas dele
        deles depois desde dessa dessas desse desses desta destas deste destes do dos durante e é ela
        elas ele eles em embora então entre era eram essa essas esse esses esta está estamos estão estas
        estava estavam este estes esteve estou eu foi foram há isso isto já la lhe lhes lo mais mas me
        mesma mesmas mesmo mesmos meu meus minha minhas muito na não nas nem nenhum nenhuma nessa nesse
        nesta neste no nos nós nossa nossas nosso nossos num numa o onde os ou outra outras outro outros
        para pela pelas pelo pelos per perante pode pois por porém porque porquê qual quais qualquer
        quando quanta quantas quanto quantos que quê quem se seja sem sendo ser será serão seu seus si
        sido sob sobre somos sou sua suas são tal também tão te tem têm tendo ter teu teus tinha tinham
        teve toda todas todo todos tu tua tuas tudo um uma umas uns você vocês vos""",
    "ca": """
        a abans al algun alguna alguns algunes allò als altra altre altres amb aquell aquella aquelles
        aquells aquest aquesta aquestes aquests així això cada com contra d de del dels des després dins
        doncs durant e el ell ella elles ells els em en encara entre era eren es és esta està estan et
        ets fins fou foren ha han havia haver he hem hi ho i jo l la les li llavors lo m ma mentre més
        meu meva molt n ne ni no nos nosaltres o on ordre pel pels per però perquè poc pot qual quals
        quan quant quantes quants que què qui s sa se sense ser serà seu seus seva seves si sí són sobre
        sota sou sóc també t tal tan tant te tot tota totes tots tu un una unes uns us va van vosaltres""",
    "nl": """
        aan af al alle allen alles als altijd andere anderen ben bent bij binnen boven buiten daar
        daarbij daarna daarom daarvan dan dat de deze die dit doch doen door dus een eens elk elke en
        enkele er ergens geen geweest haar had hadden heb hebben hebt heeft hem hen het hier hij hoe
        hoeveel hun iemand iets ik in is ja je jij jou jouw jullie kan konden kon kunnen maar me meer
        men met mij mijn moet moeten na naar niet niets nog nu of om omdat onder ons onze ook op over
        reeds sinds sommige te tegen tijdens toch toen tot tussen u uit uw vaak van vanaf veel via voor
        waar waarbij waarin waarom waarvan waarvoor wanneer want waren was wat we wel welk welke werd
        werden wie wiens wij wil worden wordt zal ze zelf zich zij zijn zo zoals zonder zou zouden zowel
        zulke""",
    "sv": """
        alla allt än andra annan annat är åt att av bara bland blev bli blir blivit både båda då de deg
        dem den denna deras dess dessa det detta dig din dina ditt du där därför efter eftersom ej eller
        en er era ert ett från för före genom ha hade han hans har henne hennes hon honom hos hur här i
        icke in innan ingen inget inom inte inuti ja jag kan kunde man med medan mellan men mer mera
        mest mig min mina mitt mot mycket måste ni nog nu när någon något några och också om oss på
        redan samma sedan sig sin sina sitt ska skall skulle som så sådan sådana sådant till trots under
        upp ur ut utan vad var vara varför varit varje vars vart vem vems vid vilka vilken vilket vill
        vi vår våra vårt över""",
    "da": """
        af alle alt altså anden andet andre at bare begge blev blive bliver da de dem den denne der
        deres derfor det dette dig din dine disse dit dog du efter ej eller en end endnu er et for fordi
        fra før gennem ham han hans har have havde hen hende hendes her hos hun hvad hvem hver hvilke
        hvilken hvilket hvis hvor hvordan hvorfor hvornår i ikke imod ind indtil ingen intet ja jeg jer
        jeres jo kan kun kunne man mange med meget mellem men mens mere mest mig min mine mit mod må
        måtte ned nej noget nogen nogle nu når og også om omkring op os over på samme samt selv ses sig
        sin sine sit skal skulle som sådan således thi til ud uden under var ved vi vil ville vor vore
        vores være været""",
    "no": """
        alle alt andre annen annet at av bare begge ble blei blir blitt både båe da de deg dei deim
        deira deires dem den denne der dere deres derfor det dette di din disse ditt du dykk då eg ein
        eit ei eller elles en enda enn er et etter før for fordi fra gjennom ha hadde han hans har henne
        hennes her hjå ho hoe honom hos hun hva hvem hver hvilke hvilken hvilket hvis hvor hvordan
        hvorfor i ikke ikkje imot inn ingen ingi inkje inni ja jeg kan korleis kva kven kvar kvifor
        kunne man mange med medan meg meget mellom men mens mer mest mi min mine mitt mot mye må måtte
        ned nei no noe noen noko nokon nå når og også om opp oss over på samme seg selv si sia sidan
        siden sin sine sitt skal skulle slik so som somme så sånn til um under upp ut uten var vart
        varte ved vere vi vil ville vore vors vår være vært""",
    "fi": """
        ei eikä eivät ehkä eli en enemmän ennen ensi entä että hän häneen hänelle hänellä häneltä hänen
        hänessä hänestä hänet häntä he heidän heidät heille heillä heiltä heissä heistä heitä hei itse
        ja jo johon joiden joihin joilla joille joissa joista joita joka jokin joko jolla jolle jolloin
        jos joskus jossa josta jota jotka jotta juuri kaikki kanssa kai keiden keitä kenelle kenellä
        keneltä kenen kenet keneen kenessä kenestä ketkä ketä kuin kuinka kuitenkin kuka kun kyllä lähes
        me meidän meidät meille meillä meistä meitä mihin mikä mikäli miksi millä mille milloin minkä
        minne minua minulla minulle minulta minun minut minussa minusta minä missä mistä miten mitkä
        mitä moni monta mukaan muut mutta muu myös ne niiden niihin niille niillä niin niissä niistä
        niitä no noiden noita nuo nyt näiden näihin näille näillä näin näissä näistä näitä nämä ole
        oleva olevat oli olimme olin olisi olisivat olit olitte olivat olla olleet ollut olemme olen
        olet olette on ovat se sekä sen siellä sieltä siihen siinä siis siitä sillä sille siltä sinua
        sinulla sinulle sinun sinut sinä sitten sitä tai te teidän teidät teille teillä teitä tuo tuon
        tuota tuossa tuosta tähän tällä tälle tämä tämän tässä tästä täällä tätä vaan vai vain vaikka
        vasta vielä voi voisi voivat yli""",
    "ru": """
        а без более бы был была были было быть в вам вами вас ваш ваша ваше ваши весь во вокруг вот все
        всё всего всей всем всех всеми всю вся вы где да даже для до его ее её ей ему если есть еще ещё
        ею же за зачем и из или им ими иметь имеет их к каждый как какая какие каким каких какого какое
        какой какую когда кого кому которая которого которое которой котором которому которую которые
        который которым которыми которых кто куда ли либо между меня мне мной много может можно мог
        могут мы на над надо наш наша наше наши не него нее неё ней нем нём нему несколько нет ни ним
        ними них но ну о об обо один однако он она они оно от ото откуда очень перед по под подо после
        потому почему при про с сам сама сами само свое своего своей своем своём свои своих своими свой
        свою себе себя сколько собой среди со так такая такие такими таких такого такое такой также там
        тебе тебя тем теми тех то тобой тогда того тоже той только том тому тот ту тут ты у уже хотя
        чего чей чем чему что чтобы чьё чья эта эти этим этими этих это этого этой этом этому этот эту я
        является являются являлся являлась""",
    "uk": """
        а або аж але б без би був була були було бути в вам вами вас ваш ваша ваше ваші весь вже ви він
        вона вони воно все всі всіх всього всім від де для до дуже є його йому же за з зі із і й їй їм
        їх її коли кого кожен кому ким котрий куди ледве ли лише між мене мені мій ми мною може можна
        моя моє мої на над нам нами нас наш наша наше наші не нею ним ними них ні ніж ну о об один однак
        ось от перед під після по поза при про саме сам сама самі свій своя своє свої себе собі собою
        скільки так така такий такі таке також там та те теж тебе ти тим тими тих то тобі того тоді той
        тому тою ту тут у хто хоча це цей ця ці цього цьому цим цих цю чи чий чия чиє чому через що щоб
        якщо як яка який яке які якого якій якої яку яких яким я""",
    "bg": """
        а аз ако ала без беше би бил била били било в вас ваш ваша ви вие все всеки всички всичко всяка
        във върху г ги го да дали до докато дори е едва една един едно за зад защо защото и из или им
        има имат й как каква какво какви какъв като когато кого което които кой който коя която към
        колко ли макар между ме мен ми мнозина мога могат може много му на над нас наш наша не него нея
        ни ние никой нито но някои някой няколко няма о обаче около от отколкото още по под поради после
        при пред през с са само се сега си след сме според сред ст сте съм със също т така такава такива
        такъв там те тези ти то тогава този той толкова тоест тя това тук тъй у че чии чий чия чрез ще я""",
    "pl": """
        a aby albo ale ależ ani aż bardzo bez bo bowiem by być była było były był będą będzie będę
        chociaż ci cię co coś czego czemu czy czyj czyja czyje czym dla do dlaczego dlatego gdy gdyby
        gdyż gdzie go i ich ile im inna inne inny innych iż ja jak jaka jaki jakie jakich jakim jako
        jeden jednak jednego jego jej jemu jest jestem jeszcze jeśli jeżeli już każda każde każdy kiedy
        kto która które którego której którą którym którymi których któremu który którzy ku lecz lub ma
        mają mam mi między mimo mną mnie mogą może można mój moja moje my na nad nam nami nas nasz nasza
        nasze nawet nic nich nie niego niej niemu nim nimi niż no o od oraz on ona one oni ono po pod
        podczas pomimo ponieważ pośród poza przed przez przy raz się ponad są skąd swego swej swoich
        swoim swoja swoje swój ta tak taka taki takich takie także tam te tego tej temu ten też to tobą
        tobie tu twoja twoje twój ty tych tylko tym tymi u w wam wami was wasz we według więc wszyscy
        wszystkich wszystkie wszystko wtedy wy z za zaś ze znów że żeby""",
    "cs": """
        a aby aj ale ani asi až bez bude budeme budeš budete budou budu by byl byla byli bylo byly bych
        bys být co což či čí do ho i ich jak jaká jaké jaký jako je jeho jej její jejich jejíž jemu jen
        jenž jestli jestliže ještě ji jí jím jimi jinak již já jsem jsi jsme jsou jste k kam každý kde
        kdo kdy když ke kolik kromě která které kterého kterém kterému kterou který kterých kterým
        kterými kteří ku ma mají má mám máte me mezi mě mi mimo mít mne mnou mohou moje můj může my na
        nad nade nám námi napříč nás náš naše naši ne nebo neboť není než nic nich ním nimi ní no o od
        ode on ona oni ono pak po pod podle pokud pouze právě pro proč proto protože před přede přes
        přese při s se si sice skrz sobě sebe své svého svém svou svůj svých svým ta tak také takže
        takový tam tato té tedy ten tento této ti tím tímto to tobě tohle toho tohoto tom tomto tomu
        tomuto tu tuto tvůj ty tyto tys u v vám vámi vás váš vaše ve však všechno všechny všech vy z za
        zda zde ze že""",
    "ro": """
        a acea aceasta această aceea acei aceia acel acela acelaşi acele acelea acest acesta aceste
        acestea aceşti aceştia acestei acestor acestui acolo acum ai aici al ale alt alta altă alte
        altfel alți altul am ar are aș aşadar asemenea asta astfel asupra atât atâta aţi atunci au avea
        avem avut ba ca că căci când care căreia căror cărora cărui căruia cât câtă câte câţi către ce
        cea cei cel cele celor cine cineva ci cu cui cum cumva da dacă dar de deci decât deja deoarece
        departe deși despre din dintr dintre doar după ea ei el ele era erau este eşti eu fără face fi
        fie fiecare fiind foarte fost i iar îi îl îmi în încât înainte înapoi încă între într îşi îţi la
        le li lor lui mă mai mea mei mele meu mi mine mult multă multe mulţi ne nici nimic nişte noastră
        noastre noi nostru noştri nu o or ori oricare orice până pe pentru peste poate pot prea prin
        printr s sa să săi sale sau său se şi spre sub sunt suntem sunteţi ta tăi tale tău te tot toată
        toate toţi totuşi tu ţi un una unde unei unele uneori unii unor unui unul va vă vi voastră voi
        voştri vor vostru vreo vreun""",
    "hu": """
        a abban ahhoz ahogy ahol aki akik akkor alá alatt által általában amely amelyek amelyekben
        amelyet amelynek ami amikor amint amíg amit annak arra arról át az azért azok azon azonban azt
        aztán azzal azután be belül benne bár csak de e ebben eddig egy egyes egyik egyéb ehhez el előtt
        elég én ennek ennyi és erre ez ezek ezen ezért ezt ezzel fel felé ha hanem hiszen hogy hogyan
        hol hova igen ilyen illetve ill is ismét itt kell kellett keresztül ki kik kívül közben között
        közül le legalább lehet lehetett lenne lenni lesz lett ma maga magát majd már más másik még
        mellett melyik melyek men mennyi mert mi mialatt miatt miért mikor milyen minden mindig mint
        mintha mit mivel most nagyon ne néha nekem neki nélkül nem nincs ő oda ok ők őket olyan ott
        össze pedig persze rá s saját se sem semmi sok sokkal szerint számára szemben szinte ti te tehát
        több tovább továbbá ugyanis úgy újra után utána vagy vagyis vagyok vajon valaki valami való van
        vannak végül velük viszont volna volt voltak""",
    "tr": """
        acaba ama ancak artık aslında az bana bazı belki ben benden beni benim beri bile bir biri birkaç
        birçok birşey biz bize bizden bizi bizim böyle bu buna bunda bundan bunlar bunları bunların bunu
        bunun burada çok çünkü da daha dahi de defa değil diğer diye dolayı en eğer fakat gibi göre hala
        hangi hani hatta hem henüz hep hepsi her herhangi herkes hiç hiçbir için ile ilgili ise işte kaç
        kadar karşın kendi kendilerine kendini kendisi kendisine kendisini ki kim kimden kime kimi kimin
        mı mi mu mü nasıl ne neden nedir nerede nereye nereden niçin niye o olan olarak oldu olduğu
        olduğunu olduklarını olması olsa olup on ona ondan onlar onlardan onları onların onu onun oysa
        öyle pek rağmen sadece sanki sana şayet sen senden seni senin siz sizden sizi sizin son sonra
        şey şöyle şu şuna şunda şundan şunları şunu tarafından tüm üzere üzerinde var vardı ve veya ya
        yani yerine yine yoksa zaten""",
    "el": """
        α αλλά αν αντί από αυτά αυτές αυτή αυτήν αυτής αυτό αυτοί αυτόν αυτός αυτού αυτούς αυτών αφού
        βάσει για γιατί δε δεν δηλαδή διότι εάν έγινε εγώ εδώ είμαι είμαστε είναι είσαι είστε είχαν είχε
        εκεί εκείνα εκείνες εκείνη εκείνο εκείνοι εκείνος ένα έναν ένας ενώ εμάς εμείς επειδή επί επίσης
        εσάς εσείς εσύ έτσι έχει έχουν η ή ήταν θα ίδια ίδιο ίδιος και καθώς κάθε κάποια κάποιο κάποιος
        κατά κι λοιπόν μα μας με μέσα μέσω μετά μεταξύ μέχρι μη μην μία μια μιας μου μπορεί μπορούν να ο
        οι όλα όλες όλη όλο όλοι όλος όλων όμως όπου όπως όποια όποιο όποιος οποία οποίας οποίες οποίο
        οποίοι οποίος οποίου οποίους οποίων όσο όσα όσοι ότι όταν ούτε όχι πάνω παρά περί πιο ποια ποιες
        ποιο ποιοι ποιον ποιος ποιους ποιων πολύ που πού πόσα πόσες πόση πόσο πόσοι πότε πριν προς πως
        πώς σαν σας σε στα στη στην στις στο στον στου στους στων συν τα τέτοια τέτοιο τη την της τι τις
        το τόσο τον τότε του τους τούτη τούτο των υπό ως ώστε""",
    "ar": """
        إذ إذا إلا إلى أم أما أمام أن إن أنا أنت أنتم أنه إنه أنها إنها أنهم أو أول أي أين أيضا أية بأن
        بسبب بعد بعض بل بما بها به بهذا بهذه بين بينما تحت تكون تلك تم ثم جدا حتى حول حيث حين خلال دون
        ذلك رغم سوف سوى ضد ضمن على عليه عليها عن عند عندما عنه عنها غير فإن فقد فقط فهو فهي في فيه فيها
        قبل قد قام كأن كان كانت كانوا كذلك كل كلا كم كما كي كيف لا لأن لأنه لدى لقد لكل لكن لكنه لكي لم
        لماذا لما لمن لن له لها لهم لو لولا ليس ليست ليسوا ما ماذا متى مثل مع مما من منذ منه منها مهما
        نحن نحو نفس نفسه نفسها هذا هذان هذه هكذا هل هم هن هنا هناك هو هؤلاء هي وإن وأن وقد وكان وكانت
        ولا ولم ولكن وما ومن وهو وهي وهم وفي وعلى وإلى ولن وله وهذا وهذه و ف ب ل ك يكون يمكن يوجد الذي
        الذين التي اللذان اللتان اللواتي اللاتي الآن بدون عبر لذلك وذلك كلما أكثر أقل بواسطة""",
    "fa": """
        آن آنان آنجا آنچه آنها آن‌ها آنکه آیا اگر اما او ای این اینجا اینکه اینها این‌ها ایشان با باید
        بار باز باشد باشند بدون بر برای برخی بسیار بعد بلکه به بود بودن بودند بوده بی بین پس پیش تا تحت
        تر تو توسط تمام جز چرا چطور چگونه چند چنین چه چون چیز حتی خود خویش دارای دارد دارند داشت داشتند
        داشته در درباره دو دیگر را روی زیر زیرا سپس سوی شان شد شدن شدند شده شما شود شوند طی علیه غیر فقط
        قبل که کدام کرد کردن کردند کرده کس کسی کند کنند کی کجا گاه گر لذا ما مانند مثل مگر من می میان
        نباید نبود نخست نزد نه نیز نیست و ولی وی هر هرگز هم همان همه همین همچنین هنوز هیچ هستند هست است
        اند ام یا یک یکی بنابراین""",
    "he": """
        אבל או אולי אותה אותו אותם אותן אותי אז איזה איזו אי איך אין אינה אינו אינם איפה אל אלה אלו אליה
        אליו אם אנו אנחנו אני אף אפילו אצל אשר את אתה אתם אתן ב בגלל בה בהם בו בין בלי בלבד בעת בעוד בשל
        גם ד דרך ה הוא היא היה היו היתה הייתה הם הן הזאת הזה הללו ו וגם ז זאת זה זו זהו זוהי חוץ י יהיה
        יהיו יותר יכול יש כ כאן כאשר כבר כדי כה כי כיצד כך כל כלל כמה כמו כן כפי כש ל לא לאן לה להם להן
        לו לי לך לכן לכל למה לנו לפי לפני לעומת מ מאד מאוד מאז מאין מדוע מה מהו מהי מול מי מיהו מיהי
        מלבד ממנה ממנו מן מפני מתוך מתחת מתי נגד עבור עד עוד על עליה עליו עליהם עם עצמה עצמו עקב פי רק ש
        של שלה שלהם שלו שלי שלך שלנו שם תוך תחת""",
    "hi": """
        अंदर अत अतः अथवा अधिक अन्य अपना अपनी अपने अब अभी आदि आप इत्यादि इन इनका इनकी इनके इन्हीं इन्हें
        इन्होंने इस इसका इसकी इसके इसमें इसलिए इसी इसे उन उनका उनकी उनके उनको उन्हीं उन्हें उन्होंने उस
        उसका उसकी उसके उसमें उसी उसे एक एवं एस ऐसा ऐसी ऐसे ओर और कई कब कभी कर करता करती करते करना करने
        करें का कि कितना कितनी कितने किन किन्हें किया किस किसका किसकी किसके किसने किसी किसे की कुछ कुल
        के को कोई कौन कौनसा क्या क्यों क्योंकि गई गए गया गये जब जबकि जहाँ जहां जा जाता जाती जाते जाना
        जाने जितना जिन जिनका जिनकी जिनके जिन्हें जिन्होंने जिस जिसका जिसकी जिसके जिसमें जिसने जिसे जैसा
        जैसे जो तक तथा तब तरह तो था थी थीं थे दिया दी दे द्वारा न नहीं ना ने पर परन्तु फिर बहुत बाद बिना
        भी मगर मुझे में मेरा मेरी मेरे मैं यदि यद्यपि यह यहाँ यहां यही या ये रहा रही रहे रखा लिए लिये
        लेकिन व वह वहाँ वहां वही वाला वाली वाले वे संग सकता सकती सकते सभी साथ सब सा सी से सो हम हमारा
        हमारे हमें ही हुआ हुई हुए हूँ है हैं हो होता होती होते होना होने""",
    "vi": """
        bị bởi cả các cái cho chỉ chiếc chúng chứ có cũng của cùng cứ do dù đã đang đây đều để đến đi đó
        được gì hay hoặc hơn họ khi không là lại lên lúc mà mỗi một này nào nên nếu ngay như nhưng những
        nữa ở ra rằng rất rồi sau sẽ so sự tại theo thì tôi trên trong trước từ từng và vào vẫn về vì
        việc với vừa ai đâu bao nhiêu sao thế""",
    "id": """
        ada adalah agar akan aku anda antara apa apakah apabila atas atau bagaimana bagi bahwa beberapa
        begitu belum berapa bila bisa boleh bukan dalam dan dapat dari daripada demi demikian dengan di
        dia dimana hal hanya harus hingga ia ialah ini itu jadi jika juga kami kamu kapan karena ke
        kemudian kepada ketika kita lagi lain lalu lebih maka mana mengapa menjadi mereka meski meskipun
        merupakan namun oleh pada para pernah pula pun saat saja sambil sampai sangat saya seperti
        sebagai sebelum sebuah secara sedang sehingga sejak selain selama semua seorang serta sesudah
        setelah setiap siapa suatu sudah supaya tapi telah tentang terhadap tersebut tetapi tidak untuk
        walaupun yaitu yakni yang""",
}
